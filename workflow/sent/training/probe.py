"""The probe: questions that the policy is asked on its way, and never learns from."""

from dataclasses import dataclass

import numpy as np
from accelerate.utils import gather_object

from sent.config import Probe as Settings
from sent.grading.clusters import clusters, entropy
from sent.sampling.sampler import Request
from sent.seeding import seed_of
from sent.training.batch import Batch
from sent.training.rollout import Collector, TrainingQuestion, share_out
from sent.training.update import Updater


@dataclass(frozen=True)
class Probe:
    """Asks the current policy. It draws with the rollouts' sampler and is graded by their grader, but moves no state of
    training: neither its stream of questions nor its random numbers nor the optimizer.
    """

    settings: Settings
    questions: list[TrainingQuestion]
    collector: Collector
    updater: Updater
    seed: int
    stage: int
    """From 1."""
    before: int
    """Steps of the stages before this one."""
    last: int
    """Steps of all stages."""

    def is_due(self, step: int) -> bool:
        """Whether the policy after ``step`` steps of this stage is asked.

        The policy that a later stage starts from is that of the stage before, which has asked it.
        """
        return self.settings.is_due(self.before + step, self.last) and (step > 0 or self.before == 0)

    def ask(self, step: int) -> list[dict]:
        """Return rows of :data:`sent.tables.PROBE` about the policy after ``step`` steps of this stage, on all processes.

        Responses are seeded by ("probe", training seed, step of all stages, question, sample), so the methods of a seed
        meet the same chances and compare in pairs, while those of several seeds average out.
        """
        accelerator, n = self.updater.accelerator, self.settings.n
        total = self.before + step
        mine = share_out(
            list(enumerate(self.questions)), accelerator.process_index, accelerator.num_processes
        )
        requests = [
            Request(q.id, sample, q.prompt_ids, seed_of("probe", self.seed, total, q.id, sample))
            for _, q in mine
            for sample in range(n)
        ]
        golds = [question.answer for _, question in mine for _ in range(n)]
        drawn, _, grades = self.collector.draw(requests, golds)
        batch = Batch.of_responses(
            drawn,
            prompts=[request.prompt_ids for request in requests],
            questions=[request.question_id for request in requests],
            keys=np.arange(len(requests)),
            advantages=np.zeros(len(requests)),
        )
        _, entropies = self.updater.score(self.updater.policy, batch)
        finishes = [response.finish_reason for response in drawn]
        blocks = [slice(i * n, (i + 1) * n) for i in range(len(mine))]
        labels = clusters([[g.extracted for g in grades[own]] for own in blocks], self.collector.grader)
        rows = []
        for (place, question), own, meanings in zip(mine, blocks, labels, strict=True):
            verdicts = [grade.verdict for grade in grades[own]]
            tokens = slice(batch.offsets[own.start], batch.offsets[own.stop])
            row = {
                "question_id": question.id,
                "stage": self.stage,
                "step": total,
                "n": n,
                "n_correct": verdicts.count("correct"),
                "n_no_answer": meanings.count(-1),
                "n_truncated": finishes[own].count("length"),
                "n_answers": len(set(meanings) - {-1}),
                "semantic_entropy": entropy(meanings),
                "n_tokens": int(tokens.stop - tokens.start),
                "token_entropy": float(entropies[tokens].double().mean()),
            }
            rows.append((place, row))
        return [row for _, row in sorted(gather_object(rows), key=lambda item: item[0])]


def pass_at_1(rows: list[dict]) -> float:
    """Return the share of right responses: every question has as many."""
    return sum(row["n_correct"] for row in rows) / sum(row["n"] for row in rows)
