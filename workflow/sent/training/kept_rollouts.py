"""A few rollouts of each step to look at: the same for any number of processes, and the same questions again and again."""

from accelerate.utils import gather_object

from sent.seeding import seed_of
from sent.training.rollout import Group


def choose(groups: list[Group], count: int, seed: int, stage: int, step: int) -> list[dict]:
    """Return ``count`` rows of the table of rollouts (sent.tables) from this step's responses on all processes.

    Questions have one rank for the whole run, made of the seed, so that a question that is kept once is kept again in the
    next epoch: only so can its answers be compared. Of each question one response is drawn; a second one only where there
    are fewer questions than ``count``.
    """
    found = []
    for group in groups:
        rank = seed_of("question of kept rollouts", seed, group.question.id)
        keys = sorted(group.keys, key=lambda key: seed_of("kept rollouts", seed, stage, step, key))
        for turn, key in enumerate(keys[:count]):
            i = key - group.keys[0]
            row = {
                "stage": stage,
                "step": step,
                "question_id": group.question.id,
                "sample": key,
                "response": group.texts[i],
                "reward": float(group.rewards[i]),
                "advantage": float(group.advantages[i]),
                "verdict": group.verdicts[i],
                "truncated": group.completions[i].finish_reason == "length",
            }
            found.append(((turn, rank, key), row))
    best = sorted(found, key=lambda item: item[0])[:count]
    return [row for _, row in sorted(gather_object(best), key=lambda item: item[0])[:count]]
