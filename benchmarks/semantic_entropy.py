"""Semantic entropy measured: evaluations and seconds beside other schemes, and cost against the number of questions.

    python benchmarks/semantic_entropy.py schemes SAMPLES.jsonl [--fields question=..,responses=..] [--nli DIR]
    python benchmarks/semantic_entropy.py scale [--questions 1000 4000 17398]

`schemes` runs every clustering scheme with the same entailment model, one after the other in one process. Labels
are those of math_verify, judged beforehand, so that all schemes see one relation; every directed evaluation runs
the model, and the model is all that takes time. The Nature 2024 loop runs it as published: a pair at a time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

from sent import tables
from sent.config import SemanticEntropy
from sent.grading.answers import normal_form
from sent.log import progress
from sent.seeding import generator_of
from sent.semantic_entropy.clustering import Answers, cluster
from sent.semantic_entropy.entailment import Judgement, Label, Pair
from sent.semantic_entropy.entailment.math_verify import MathVerify
from sent.semantic_entropy.entailment.nli import Nli, fill

# Sizes of the clusters of 8 solutions, and how often, in 100 MATH questions answered by a 7B model.
SIZES_OF_8 = {
    (8,): 88,
    (7, 1): 3,
    (5, 3): 2,
    (6, 1, 1): 2,
    (4, 2, 1, 1): 1,
    (3, 2, 1, 1, 1): 2,
    (3, 1, 1, 1, 1, 1): 1,
    (2, 1, 1, 1, 1, 1, 1): 1,
}


class Costed:
    """Runs the entailment model for its cost and answers from a table; remembers nothing between schemes."""

    symmetric = False

    def __init__(self, nli: Nli, entailed: dict[tuple[str, str], bool], name: str):
        self.nli, self.entailed = nli, entailed
        self.pairs: list[Pair] = []
        self.bar = progress(desc=name, unit="pair")

    def judge(self, pairs: list[Pair], advance=None) -> list[Judgement]:
        """Judge pairs in batches of like length."""
        self.nli.probabilities(pairs, self.bar.update)
        self.pairs += pairs
        return [
            Judgement(
                Label.ENTAILMENT if self.entailed[p.premise, p.hypothesis] else Label.NEUTRAL, "math_verify"
            )
            for p in pairs
        ]

    def entails(self, question: str, premise: str, hypothesis: str) -> bool:
        """Judge one pair, as loops do that know no batches: tokenise, run the model, take the likeliest label."""
        import torch

        scorer = self.nli.workers.scorer
        premise_text, hypothesis_text = (
            fill(self.nli.settings.template, question, answer) for answer in (premise, hypothesis)
        )
        inputs = scorer.tokenizer(
            premise_text, hypothesis_text, truncation=True, max_length=scorer.max_length, return_tensors="pt"
        )
        with torch.inference_mode():
            scorer.model(**inputs).logits.softmax(dim=-1).argmax().item()
        self.pairs.append(Pair(question, premise, hypothesis))
        self.bar.update(1)
        return self.entailed[premise, hypothesis]

    def tokens(self) -> int:
        """How many tokens the model read, padding left out."""
        if not self.pairs:
            return 0
        template, scorer = self.nli.settings.template, self.nli.workers.scorer
        texts = {
            p: [fill(template, p.question, a) for a in (p.premise, p.hypothesis)] for p in set(self.pairs)
        }
        ids = scorer.tokenizer(
            list(map(tuple, texts.values())), truncation=True, max_length=scorer.max_length
        )
        size = dict(zip(texts, map(len, ids["input_ids"]), strict=True))
        return sum(size[pair] for pair in self.pairs)


def entailed_pairs(questions: list[Answers]) -> dict[tuple[str, str], bool]:
    """Whether the second answer follows from the first by mathematics, for all that any scheme may compare."""
    pairs = {
        (one, other): Pair(question.text, one, other)
        for question in questions
        for one, other in product({*question.answers, *map(normal_form, question.answers)}, repeat=2)
    }
    bar = progress(total=len(pairs), desc="mathematics", unit="pair")
    with MathVerify(SemanticEntropy()) as mathematics, bar:
        judgements = mathematics.judge(list(pairs.values()), bar.update)
    return {key: found.label == Label.ENTAILMENT for key, found in zip(pairs, judgements, strict=True)}


def all_pairs(questions: list[Answers], backend: Costed) -> None:
    """Every ordered pair of samples, in batches."""
    backend.judge([Pair(q.text, a, b) for q in questions for a, b in permutations(q.answers, 2)])


def polygraph(questions: list[Answers], backend: Costed) -> None:
    """The scheme of lm-polygraph: a full matrix over the distinct texts of a question, itself included."""
    for question in questions:
        backend.judge(
            [Pair(question.text, a, b) for a, b in product(dict.fromkeys(question.answers), repeat=2)]
        )


def nature(questions: list[Answers], backend: Costed) -> None:
    """The loop published with Farquhar et al. (Nature 2024): one pair after the other, both directions always.

    A representative is compared with every later sample, also with those that have a cluster already.
    """
    for question in questions:
        labels = [-1] * len(question.answers)
        for i, one in enumerate(question.answers):
            if labels[i] < 0:
                labels[i] = max(labels) + 1
                for j in range(i + 1, len(question.answers)):
                    other = question.answers[j]
                    forward = backend.entails(question.text, one, other)
                    backward = backend.entails(question.text, other, one)
                    if forward and backward:
                        labels[j] = labels[i]


def rounds(questions: list[Answers], backend: Costed, both: bool, dedupe: bool) -> None:
    """This project's rounds, with its savings switched off one by one for comparison."""
    unresolved = [
        list(dict.fromkeys(map(normal_form, q.answers)) if dedupe else q.answers) for q in questions
    ]
    texts = [q.text for q in questions]
    while any(unresolved):
        pairs = [Pair(t, u[0], other) for t, u in zip(texts, unresolved, strict=True) for other in u[1:]]
        forward = [j.label == Label.ENTAILMENT for j in backend.judge(pairs)]
        asked = [i for i, yes in enumerate(forward) if yes or both]
        backward = backend.judge(
            [Pair(pairs[i].question, pairs[i].hypothesis, pairs[i].premise) for i in asked]
        )
        joined = {
            i for i, j in zip(asked, backward, strict=True) if forward[i] and j.label == Label.ENTAILMENT
        }
        place = iter(range(len(pairs)))
        unresolved = [[other for other in u[1:] if next(place) not in joined] for u in unresolved]


SCHEMES: dict[str, Callable] = {
    "all ordered pairs": all_pairs,
    "Nature 2024 loop": nature,
    "lm-polygraph (distinct texts, full matrix)": polygraph,
    "greedy rounds": lambda q, b: rounds(q, b, both=True, dedupe=False),
    "+ equal answers once": lambda q, b: rounds(q, b, both=True, dedupe=True),
    "+ second direction only where the first entails (ours)": cluster,
}


def compare_schemes(arguments) -> None:
    """Print evaluations and seconds of every scheme."""
    from sent.grading.extract import extract_answer

    key = dict(pair.split("=") for pair in arguments.fields.split(","))
    with open(arguments.samples, encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    questions = [
        Answers(row[key["question"]], [extract_answer(text) or "" for text in row[key["responses"]]])
        for row in found
    ]
    entailed = entailed_pairs(questions)
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.nli or random_model(Path(folder), questions)
        with Nli(SemanticEntropy(entailment="nli", nli_model="x"), model) as nli:
            cluster(questions, Costed(nli, entailed, "warm up"))
            results = {}
            for name, scheme in SCHEMES.items():
                backend = Costed(nli, entailed, name)
                start, busy = time.perf_counter(), time.process_time()
                scheme(questions, backend)
                seconds = time.perf_counter() - start, time.process_time() - busy
                backend.bar.close()
                results[name] = (len(backend.pairs), backend.tokens(), *seconds)
            size = sum(p.numel() for p in nli.workers.scorer.model.parameters()) / 1e6
    reference = results["Nature 2024 loop"]
    print(
        f"{len(questions)} questions, {sum(len(q.answers) for q in questions)} responses; model of {size:.1f}M\n"
    )
    print("| scheme | directed evaluations | fewer | tokens | fewer | seconds | less | CPU seconds | less |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, found in results.items():
        shares = [f"{a / b:.1f}x" if b else "-" for a, b in zip(reference, found, strict=True)]
        values = [f"{found[0]:,}", f"{found[1]:,}", f"{found[2]:.2f}", f"{found[3]:.2f}"]
        print(
            f"| {name} |", " | ".join(cell for both in zip(values, shares, strict=True) for cell in both), "|"
        )


def random_model(folder: Path, questions: list[Answers], layers: int = 4, width: int = 192) -> Path:
    """Save an untrained NLI model that knows the words of these questions and answers."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    cut = pre_tokenizers.BertPreTokenizer()
    words = {
        word for q in questions for text in (q.text, *q.answers) for word, _ in cut.pre_tokenize_str(text)
    }
    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(words)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = cut
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **special).save_pretrained(
        folder
    )
    shape = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 6,
        "intermediate_size": 4 * width,
    }
    labels = {"id2label": dict(enumerate(("contradiction", "entailment", "neutral")))}
    BertForSequenceClassification(BertConfig(vocab_size=len(vocabulary), **shape, **labels)).save_pretrained(
        folder
    )
    return folder


STAGE = """
import sys
from sent.__main__ import main
status = main(sys.argv[1:])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(status)
"""
"""Runs a command and prints the peak of its own memory in KiB (Linux)."""


def measure_scale(arguments) -> None:
    """Run the stage on generated tables of growing size, each in a process of its own; print its cost."""
    print("| questions | samples | samples file | seconds | CPU seconds | CPU ms a question | peak memory |")
    print("|---|---|---|---|---|---|---|")
    for count in arguments.questions:
        with tempfile.TemporaryDirectory() as folder:
            files = generated(Path(folder), count, arguments.responses)
            options = ["--settings", '{"entailment": "math_verify"}']
            options += [f"--{name}={path}" for name, path in files.items()]
            command = [sys.executable, "-c", STAGE, "semantic-entropy", *options]
            start, busy = time.perf_counter(), children_seconds()
            ran = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            seconds, busy = time.perf_counter() - start, children_seconds() - busy
            peak = int(ran.stdout) / 1024
            size = files["samples"].stat().st_size / 2**20
        print(
            f"| {count:,} | {count * arguments.responses:,} | {size:,.0f} MiB | {seconds:.1f} | {busy:.1f} "
            f"| {1000 * busy / count:.2f} | {peak:,.0f} MiB |"
        )


def children_seconds() -> float:
    """CPU seconds of ended child processes: unlike wall time, the same on a busy machine."""
    used = os.times()
    return used.children_user + used.children_system


def generated(folder: Path, count: int, n: int) -> dict[str, Path]:
    """Write questions, samples and verdicts with real shares of cluster sizes; answers in several notations."""
    draw = generator_of("benchmark semantic entropy", count)
    sizes, weights = list(SIZES_OF_8), [weight / 100 for weight in SIZES_OF_8.values()]
    filler = draw.integers(32, 127, size=1 << 20, dtype="uint8").tobytes().decode()
    listed, samples, verdicts = [], [], []
    for number in range(count):
        id_ = f"q{number:06}"
        listed.append(
            {"question_id": id_, "question": f"What is {number} + {number}?", "answer": str(2 * number)}
        )
        shares = [share / 8 for share in sizes[draw.choice(len(sizes), p=weights)]]
        for sample, meaning in enumerate(draw.choice(len(shares), size=n, p=shares)):
            value = 2 * number + int(meaning)
            answer = [f"{value}", f"{value}.0", f"${value}$", f"\\frac{{{2 * value}}}{{2}}"][draw.integers(4)]
            at = int(draw.integers(len(filler) - 4000))
            key = {"question_id": id_, "sample": sample}
            text = f"{filler[at : at + 4000]} \\boxed{{{answer}}}"
            samples.append(key | {"text": text, "n_tokens": 1000, "logprob_sum": -100.0})
            verdicts.append(key | {"extracted": answer, "verdict": "wrong" if meaning else "correct"})
    files = {
        name: folder / f"{name}.parquet"
        for name in ("questions", "samples", "verdicts", "clusters", "output")
    }
    tables.write(files["questions"], tables.table(tables.QUESTIONS, listed), tables.QUESTIONS)
    tables.write(files["samples"], tables.table(tables.SAMPLES, samples), tables.SAMPLES)
    tables.write(files["verdicts"], tables.table(tables.VERDICTS, verdicts), tables.VERDICTS)
    return files


def main() -> None:
    """Parse the arguments and run the measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(required=True)
    schemes = parts.add_parser("schemes", help="evaluations and seconds of clustering schemes")
    schemes.add_argument("samples", help="JSONL with a question and its responses on each line")
    schemes.add_argument("--fields", default="question=question,responses=responses", help="keys of both")
    schemes.add_argument("--nli", help="folder of an entailment model; default: a small untrained one")
    schemes.set_defaults(run=compare_schemes)
    scale = parts.add_parser("scale", help="seconds and memory against the number of questions")
    scale.add_argument("--questions", type=int, nargs="+", default=[1000, 4000, 17398])
    scale.add_argument("--responses", type=int, default=16)
    scale.set_defaults(run=measure_scale)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
