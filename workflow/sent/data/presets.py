"""Files that well-known tools write: what stands where in their rows.

A preset bears the name that settings give (``sent.config.data.PRESETS``). It takes a row and returns the fields of
:class:`sent.data.input_row.InputRow`, or the reason why the row is passed over. `fields` of the user's go before it.
"""

from typing import Any

from sent.data.rows import value


def first(row: dict, *fields: str) -> Any:
    """Return the first of ``fields`` that the row has, or None."""
    for field in fields:
        try:
            if (found := value(row, field)) is not None:
                return found
        except KeyError:
            continue
    return None


def lm_eval(row: dict) -> dict[str, Any]:
    """EleutherAI's lm-evaluation-harness, `--log_samples`: a row a question and filter, responses in `resps`."""
    return {
        "id": first(row, "doc_id"),
        "question": first(
            row,
            "doc.question",
            "doc.problem",
            "doc.Question",
            "doc.input",
            "arguments.gen_args_0.arg_0",
            "arguments.0.0",
        ),
        "answer": first(row, "target", "doc.answer"),
        "responses": first(row, "resps.0", "resps"),
    }


def lighteval(row: dict) -> dict[str, Any]:
    """Hugging Face's lighteval, its details: `doc` and `model_response`, in older releases flat columns."""
    choices, gold = first(row, "doc.choices", "choices"), first(row, "doc.gold_index", "gold_index")
    chosen = [gold] if isinstance(gold, int) else gold or []
    golds = [choices[index] for index in chosen] if choices else first(row, "gold")
    return {
        "id": first(row, "doc.id", "example_id"),
        "question": first(row, "doc.query", "example", "full_prompt"),
        "answer": golds[0] if isinstance(golds, list) and golds else golds,
        "responses": first(row, "model_response.text", "predictions"),
        "logprobs": first(row, "model_response.logprobs") or None,
    }


def openai_batch(row: dict) -> dict[str, Any] | str:
    """OpenAI's batch output, and that of vLLM's `run-batch`: `custom_id` and a whole response; no question."""
    if row.get("error") or first(row, "response.status_code") not in (None, 200):
        return "requests that failed"
    choices = first(row, "response.body.choices") or []
    listed = [first(choice, "logprobs.content", "logprobs.token_logprobs") for choice in choices]
    logprobs = [
        [t["logprob"] if isinstance(t, dict) else t for t in entry] if entry else None for entry in listed
    ]
    return {
        "id": first(row, "custom_id"),
        "model": first(row, "response.body.model"),
        "responses": [first(choice, "message.content", "text") for choice in choices],
        "finish_reason": [choice.get("finish_reason") for choice in choices],
        "logprobs": logprobs if any(logprobs) else None,
    }


vllm_batch = openai_batch


def trl(row: dict) -> dict[str, Any]:
    """TRL's logged completions: a row a completion."""
    return {
        "question": first(row, "prompt"),
        "answer": first(row, "answer", "solution", "ground_truth", "gold"),
        "responses": first(row, "completion", "completions"),
    }


def verl(row: dict) -> dict[str, Any]:
    """verl's dumps of rollouts and validation: `input`, `output`, `gts`, `score`; a row a response."""
    score = first(row, "score", "acc")
    return {
        "question": first(row, "input"),
        "answer": first(row, "gts", "ground_truth"),
        "responses": first(row, "output"),
        "correct": score > 0 if isinstance(score, int | float) and score in (-1, 0, 1) else None,
    }


def qwen_math(row: dict) -> dict[str, Any]:
    """Output of Qwen2.5-Math's evaluation code: `gt`, a list of solutions `code` and their verdicts `score`."""
    return {
        "id": first(row, "idx"),
        "question": first(row, "question", "problem"),
        "answer": first(row, "gt", "answer"),
        "responses": first(row, "code", "responses"),
        "correct": first(row, "score"),
    }
