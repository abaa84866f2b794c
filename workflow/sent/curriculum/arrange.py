"""The rows that training follows: order inside a stage, rehearsal, and sorting anew between stages."""

from sent import tables
from sent.config import Curriculum
from sent.curriculum.sort import Placed, score_of, sort
from sent.errors import SentError
from sent.seeding import seed_of


def curriculum(rows: list[dict], settings: Curriculum) -> list[dict]:
    """Return the rows of ``tables.CURRICULUM`` for rows of ``tables.SEMANTIC_ENTROPY``, stage by stage.

    Every question has one row that is no rehearsal. Stage and position are None for what is left out.
    """
    return _arrange(sort(rows, settings), settings, first_stage=1)


def rescored(previous: list[dict], rows: list[dict], done: int, settings: Curriculum) -> list[dict]:
    """Return ``previous`` with the stages after ``done`` sorted anew by the entropies of ``rows``.

    ``rows`` come from responses of the policy after stage ``done``. Stages up to ``done`` stay as they were.
    Raises :class:`SentError` where ``rows`` lack a question of a later stage, or no stage is left.
    """
    if not 1 <= done < settings.n_stages:
        raise SentError(
            f"curriculum: nothing to sort anew after stage {done}: stages go from 1 to {settings.n_stages}"
        )
    settled = [row for row in previous if row["stage"] is None or row["stage"] <= done]
    later = {
        row["question_id"]
        for row in previous
        if row["stage"] and row["stage"] > done and not row["rehearsal"]
    }
    found = [row for row in rows if row["question_id"] in later]
    if missing := sorted(later - {row["question_id"] for row in found}):
        raise SentError(
            f"curriculum: {len(missing)} questions of the stages after {done} have no new semantic entropy, "
            f"the first is '{missing[0]}'; sample, grade and cluster all of them with the current policy"
        )
    earlier = [
        Placed(row, row["stage"], row["why"], row["score"])
        for row in settled
        if row["stage"] is not None and not row["rehearsal"]
    ]
    placed = [
        Placed(p.row, p.stage, f"sorted anew after stage {done}: {p.why}")
        for p in sort(found, settings, done + 1)
    ]
    return settled + _arrange(placed, settings, done + 1, earlier)


def _arrange(
    placed: list[Placed], settings: Curriculum, first_stage: int, earlier: list[Placed] | None = None
) -> list[dict]:
    known = [*(earlier or []), *placed]
    rows = []
    for stage in range(first_stage, settings.n_stages + 1):
        again = _rehearsal([p for p in known if p.stage is not None and p.stage < stage], stage, settings)
        mine = [(p, False) for p in placed if p.stage == stage]
        members = [*((p, True) for p in again), *mine]
        rows += [_row(p, stage, position, again, settings) for position, (p, again) in enumerate(members)]
    return rows + [_row(p, None, None, False, settings) for p in placed if p.stage is None]


def _rehearsal(earlier: list[Placed], stage: int, settings: Curriculum) -> list[Placed]:
    """Draw the share of earlier questions that comes again in ``stage``, kept in their order."""
    drawn = sorted(earlier, key=lambda p: seed_of("curriculum rehearsal", settings.seed, stage, p.id))
    chosen = {p.id for p in drawn[: round(settings.rehearsal * len(earlier))]}
    return [p for p in earlier if p.id in chosen]


def _row(
    placed: Placed, stage: int | None, position: int | None, rehearsal: bool, settings: Curriculum
) -> dict:
    row = {
        "question_id": placed.id,
        "stage": stage,
        "position": position,
        "score": placed.score if placed.score is not None else score_of(placed.row, settings.score),
        "semantic_entropy": placed.row["semantic_entropy"],
        "accuracy": placed.row["accuracy"],
        "rehearsal": rehearsal,
        "why": f"rehearsal of stage {placed.stage}" if rehearsal else placed.why,
    }
    return {name: row[name] for name in tables.CURRICULUM.names}
