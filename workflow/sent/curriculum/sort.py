"""Sort questions by semantic entropy and cut them into stages."""

from dataclasses import dataclass

from sent.config import Curriculum
from sent.errors import SentError
from sent.seeding import seed_of

_LAST = float("inf")


@dataclass(frozen=True)
class Placed:
    """A question: its row of semantic entropy, its stage (None: left out of training) and why it is there."""

    row: dict
    stage: int | None
    why: str
    score: float | None = None
    """Where it was placed earlier: what it was sorted by then."""

    @property
    def id(self) -> str:
        """The question's id."""
        return self.row["question_id"]


def sort(rows: list[dict], settings: Curriculum, first_stage: int = 1) -> list[Placed]:
    """Return every question in its order, placed in one of the stages ``first_stage`` to ``n_stages``.

    ``rows`` are those of ``tables.SEMANTIC_ENTROPY``. A low ``settings.score`` comes first; ties go by mean
    token negative log-likelihood, mean length (unknown ones last) and id. What is left out of training
    comes last. Raises :class:`SentError` where a score is unknown or a stage would be empty.
    """
    reasons = {row["question_id"]: reason for row in rows if (reason := _left_out(row, settings))}
    kept = sorted(
        (row for row in rows if row["question_id"] not in reasons), key=lambda row: _key(row, settings)
    )
    stages = _stages(kept, settings, first_stage)
    _refuse_empty(kept, stages, settings, first_stage)
    order = [
        Placed(row, stage, _why(row, rank, len(kept), settings))
        for rank, (row, stage) in enumerate(zip(kept, stages, strict=True), start=1)
    ]
    left_out = [
        Placed(row, None, reasons[row["question_id"]]) for row in rows if row["question_id"] in reasons
    ]
    return _control(order, stages, settings, first_stage) + left_out


def _left_out(row: dict, settings: Curriculum) -> str | None:
    if "all_wrong" in settings.drop and row["accuracy"] == 0:
        return "left out: every answer is wrong"
    if "all_correct" in settings.drop and row["accuracy"] == 1:
        return "left out: every answer is correct"
    if "zero_entropy" in settings.drop and row["n_clusters"] == 1:
        return "left out: every answer means the same"
    return None


def _is_unknown(row: dict) -> bool:
    """No answer could be clustered: the entropy of 0 says nothing."""
    return row["n_clusters"] == 0


def _is_consistently_wrong(row: dict, settings: Curriculum) -> bool:
    return settings.consistently_wrong == "hardest" and row["n_clusters"] == 1 and row["accuracy"] == 0


def _behind_all(row: dict, settings: Curriculum) -> bool:
    """Low entropy that does not mean easy."""
    return _is_unknown(row) or _is_consistently_wrong(row, settings)


def _key(row: dict, settings: Curriculum) -> tuple:
    nll, length = row["mean_token_nll"], row["mean_tokens"]
    return (
        _behind_all(row, settings),
        _score(row, settings),
        _LAST if nll is None else nll,
        _LAST if length is None else length,
        row["question_id"],
    )


def score_of(row: dict, name: str) -> float | None:
    """Return the score ``name`` of a row of ``tables.SEMANTIC_ENTROPY``: a column, or the share that is not right."""
    if name == "error_rate":
        return None if row["accuracy"] is None else 1 - row["accuracy"]
    return row[name]


def _score(row: dict, settings: Curriculum) -> float:
    score = score_of(row, settings.score)
    if _is_unknown(row):
        return _LAST
    if score is None or score != score:
        raise SentError(
            f"curriculum: the question '{row['question_id']}' has no {settings.score}; rao_blackwell needs "
            "log-probabilities of all responses, error_rate their verdicts, the other scores neither"
        )
    return score


def _stages(kept: list[dict], settings: Curriculum, first: int) -> list[int]:
    """Return the stage of each question of the sorted list."""
    if settings.boundaries == "quantile":
        return _by_share(kept, settings, first)

    def value(row: dict) -> float:
        return _score(row, settings) if settings.boundaries == "value" else row["n_clusters"]

    return [
        settings.n_stages
        if _behind_all(row, settings)
        else max(first, 1 + sum(cut < value(row) for cut in settings.cuts or []))
        for row in kept
    ]


def _by_share(kept: list[dict], settings: Curriculum, first: int) -> list[int]:
    """Cut the sorted list by shares of its length; the first stage ends before what is behind all others."""
    n = settings.n_stages
    shares = settings.cuts or [stage / n for stage in range(1, n)]
    done = shares[first - 2] if first > 1 else 0.0
    ends = [int((share - done) / (1 - done) * len(kept) + 0.5) for share in shares[first - 1 :]]
    if ends:
        ends[0] = min(ends[0], sum(not _behind_all(row, settings) for row in kept))
    return [first + sum(end <= rank for end in ends) for rank in range(len(kept))]


def _refuse_empty(kept: list[dict], stages: list[int], settings: Curriculum, first: int) -> None:
    empty = [stage for stage in range(first, settings.n_stages + 1) if stage not in stages]
    if not empty:
        return
    behind = sum(_behind_all(row, settings) for row in kept)
    scores = [_score(row, settings) for row in kept if not _is_unknown(row)]
    span = f", {settings.score} from {min(scores):.4g} to {max(scores):.4g}" if scores else ""
    raise SentError(
        f"curriculum: stage {empty[0]} of {settings.n_stages} would hold no question: {len(kept)} questions "
        f"to place{span}, {behind} of them consistently wrong or without answers (never in the easiest stage); "
        "choose fewer stages, other `cuts` or `boundaries`, or `consistently_wrong: plain`"
    )


def _control(order: list[Placed], stages: list[int], settings: Curriculum, first: int) -> list[Placed]:
    """Turn the order, placed in ``stages``, into the asked control: reversed, or at random with stages of the same sizes."""
    if settings.order == "reverse":
        mirrored = first + settings.n_stages
        return [
            Placed(p.row, mirrored - stage, f"reverse order: {p.why}")
            for p, stage in zip(order[::-1], stages[::-1], strict=True)
        ]
    if settings.order == "random":
        drawn = sorted(order, key=lambda p: seed_of("curriculum order", settings.seed, p.id))
        return [Placed(p.row, stage, "random order") for p, stage in zip(drawn, sorted(stages), strict=True)]
    return order


def _why(row: dict, rank: int, total: int, settings: Curriculum) -> str:
    if _is_unknown(row):
        return "no answer to cluster: difficulty unknown, behind all others"
    if _is_consistently_wrong(row, settings):
        return "the same wrong answer every time: behind all others"
    place = f"{settings.score} {_score(row, settings):.4g}, rank {rank} of {total}"
    return place if settings.boundaries != "cluster_count" else f"{row['n_clusters']} clusters, {place}"
