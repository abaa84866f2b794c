"""What of a run is worth a look before its figures are believed."""

from duckdb import DuckDBPyConnection

from sent.grading.warnings import warnings as warnings_of_responses
from sent.results.queries import frame
from sent.training.warnings import warnings as warnings_of_training

RUN = ["model", "method", "seed"]


def warnings(connection: DuckDBPyConnection) -> list[str]:
    """Return sentences on responses without answers or cut off, and on training that went nowhere."""
    found = []
    samples = frame(
        connection,
        "SELECT model, avg((verdict = 'no_answer')::INTEGER) AS no_answer, avg((finish_reason = 'length')::INTEGER) AS "
        "truncated FROM samples JOIN verdicts USING (model, question_id, sample) GROUP BY model ORDER BY model",
    )
    for row in samples.itertuples():
        found += warnings_of_responses(f"{row.model}'s samples", row.no_answer, row.truncated)
    evaluated = frame(
        connection,
        "SELECT model, method, seed, benchmark, avg((verdict = 'no_answer')::INTEGER) AS no_answer, "
        "avg((finish_reason = 'length')::INTEGER) AS truncated FROM responses WHERE method <> 'recorded' "
        "GROUP BY ALL ORDER BY ALL",
    )
    for row in evaluated.itertuples():
        where = f"{row.model}, {row.method}, seed {row.seed}, on {row.benchmark}"
        found += warnings_of_responses(where, row.no_answer, row.truncated)
    steps = frame(connection, "FROM train_metrics ORDER BY model, method, seed, total_step")
    for (model, method, seed), part in steps.groupby(RUN, sort=False):
        rows = part.astype(object).where(part.notna(), None).to_dict("records")
        found += warnings_of_training(rows, f"{model}, {method}, seed {seed}")
    return found
