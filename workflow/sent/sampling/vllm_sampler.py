"""Sampling by a vLLM engine in this process: for models of a size where a GPU counts.

Facts it builds on, found with vLLM 0.32: weights handed over as an iterator are loaded in place (by a path,
tied embeddings go wrong silently), and cached prefixes outlive new weights unless they are reset.
"""

import contextlib
import gc
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sent.config import Decoding, Evaluation, Model, Sampling, Vllm
from sent.errors import SentError
from sent.log import logger
from sent.models import loading
from sent.sampling.sampler import Completion, Request, check_room
from sent.sampling.vllm_processes import end_told, watched
from sent.seeding import seed_of


def load(
    policy: str | Path, model: Model, settings: Sampling | Evaluation, journal: Path | None = None
) -> "VllmSampler":
    """Start an engine with the weights of the policy folder; it keeps no journal."""
    return VllmSampler(policy, model, settings.vllm, settings.decoding.temperature)


class VllmSampler:
    """An engine with the weights of a policy folder, which can be replaced in place."""

    def __init__(
        self,
        policy: str | Path,
        model: Model,
        settings: Vllm,
        temperature: float = 1.0,
        one_of_many: bool = False,
    ):
        """Start the engine; ``temperature`` is that of the log-probabilities that it will be asked for.

        ``one_of_many``: this process is one of those that a launcher started and connected, each with an engine.
        With ``settings.tensor_parallel`` N, the engines of N neighbours are the parts of one: they must be asked
        the same at the same time.

        Raises :class:`SentError` without vLLM, or if ``policy`` is no model folder.
        """
        # The engine core in this process, not in one of its own: weights then pass without copies.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        try:
            from vllm import LLM
        except ImportError as error:
            raise SentError(
                f"backend vllm: cannot be imported ({error}); `pip install 'sent-rlvr[gpu]'` installs it"
            ) from None
        import torch

        loading.load_tokenizer(policy, model)
        loading.verify(Path(policy), model)
        loading.check(Path(policy), str(policy), model)
        self.replaceable = settings.tensor_parallel == 1 or one_of_many
        self.raw = temperature in (0, 1)
        self.seeded_each = settings.seeding == "request"
        self.can_sleep = settings.enable_sleep_mode and torch.cuda.is_available()
        free_cache()
        with watched():
            self.engine = LLM(
                model=str(policy),
                dtype=model.dtype,
                trust_remote_code=model.trust_remote_code,
                load_format="safetensors",  # by default vLLM goes on to formats that can run code
                tensor_parallel_size=settings.tensor_parallel,
                distributed_executor_backend="external_launcher" if one_of_many else None,
                gpu_memory_utilization=settings.gpu_memory_utilization,
                max_model_len=settings.max_model_len,
                enforce_eager=settings.enforce_eager,
                enable_sleep_mode=self.can_sleep,
                enable_prefix_caching=True,
                logprobs_mode="raw_logprobs" if self.raw else "processed_logprobs",
                disable_log_stats=True,
                seed=0,
                **settings.extra,
            )
        self.context = self.engine.llm_engine.model_config.max_model_len

    def sample(self, requests: list[Request], decoding: Decoding) -> list[Completion]:
        """Draw one completion a request, in their order; see :class:`sent.sampling.sampler.Sampler`.

        Log-probabilities are empty where the engine does not tell them: at a temperature other than 0 and 1
        that it was not started for, or that is joined by top-k or top-p.
        """
        from vllm import SamplingParams

        check_room(requests, self.context)
        told = decoding.temperature in (0, 1) if self.raw else (decoding.top_k, decoding.top_p) == (0, 1)
        if not told:
            logger.warning("vLLM cannot tell log-probabilities at this decoding: none are stored")
        parameters = [
            SamplingParams(
                temperature=decoding.temperature,
                top_p=decoding.top_p,
                top_k=decoding.top_k,
                max_tokens=min(decoding.max_new_tokens, self.context - len(request.prompt_ids)),
                seed=request.seed if self.seeded_each else None,
                logprobs=0 if told else None,
                stop=list(decoding.stop),
                detokenize=bool(decoding.stop),
            )
            for request in requests
        ]
        prompts = [{"prompt_token_ids": list(request.prompt_ids)} for request in requests]
        with _seeded(requests), end_told(self.engine):
            outputs = self.engine.generate(prompts, parameters, use_tqdm=len(requests) > 1000)
        return [_completion(output.outputs[0]) for output in outputs]

    def update_weights(self, parameters: Iterable[tuple[str, object]]) -> None:
        """Replace the weights by ``parameters``, names and tensors of a transformers model, one after the other.

        The caller has to compare some log-probabilities afterwards: a name that the engine does not know is
        passed over without a word.
        """
        if not self.replaceable:
            raise SentError(
                "vllm.tensor_parallel: weights can be replaced in place only where a launcher starts the processes"
            )
        self.engine.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(parameters)})
        if not self.engine.reset_prefix_cache():
            raise SentError(
                "vLLM kept its cached prefixes after an update of the weights; its samples would be stale"
            )

    def sleep(self) -> None:
        """Free the GPU's memory, weights and cache, until :meth:`awake`; does nothing without a GPU."""
        if self.can_sleep:
            self.engine.sleep(level=2)

    @contextlib.contextmanager
    def awake(self, parameters: Iterable[tuple[str, object]]) -> Iterator[None]:
        """Take the memory back and sample from ``parameters`` (:meth:`update_weights`); sleep again at the end.

        The cache's memory is taken last, when nothing that the weights were gathered from needs room any more.
        """
        self._wake_up("weights")
        self.update_weights(parameters)
        self._wake_up("kv_cache")
        yield
        self.sleep()

    def _wake_up(self, what: str) -> None:
        if self.can_sleep:
            free_cache()
            self.engine.wake_up(tags=[what])


def free_cache() -> None:
    """Give the GPU back what PyTorch keeps for later: an engine asks the GPU for its memory, not PyTorch."""
    import torch

    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


@contextlib.contextmanager
def _seeded(requests: list[Request]) -> Iterator[None]:
    """Let what the engine draws without a request's own seed depend on what it is asked, and on nothing before."""
    import torch

    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed_of("engine", *(request.seed for request in requests)))
        yield


def _completion(output: Any) -> Completion:
    token_ids = list(output.token_ids)
    logprobs = []
    if output.logprobs is not None:
        logprobs = [step[token].logprob for step, token in zip(output.logprobs, token_ids, strict=True)]
    if output.finish_reason not in ("stop", "length"):
        raise SentError(f"vLLM ended a response with '{output.finish_reason}'; expected stop or length")
    return Completion(token_ids, logprobs, output.finish_reason)
