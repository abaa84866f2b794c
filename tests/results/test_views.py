"""The views of the small experiment in conftest.py: values worked out by hand."""

import duckdb
import pytest
from sent.results.queries import run


@pytest.fixture(scope="module")
def connection(finished):
    """The small experiment's database."""
    with duckdb.connect(finished / "results.duckdb", read_only=True) as opened:
        yield opened


def rows(connection, sql: str) -> list[tuple]:
    return connection.execute(sql).fetchall()


def test_the_papers_tables_have_its_columns(connection):
    select = "SELECT base, grpo, en, adv, mask, clip_cov, kl_cov, high_en, sent FROM"
    where = "WHERE model = 'small' AND benchmark = 'sums' AND metric ="
    nothing = [None] * 6
    assert rows(connection, f"{select} paper_table_1 {where} 'pass@4'") == [(75.0, 75.0, *nothing, 100.0)]
    assert rows(connection, f"{select} paper_table_2 {where} 'avg@4'") == [(25.0, 43.75, *nothing, 62.5)]


def test_curriculum_summary(connection):
    where = "WHERE model = 'small' AND curriculum = 'semantic_entropy'"
    found = rows(connection, f"FROM curriculum_summary {where}")
    assert [row[1:5] for row in found] == [("semantic_entropy", 1, 2, 0), ("semantic_entropy", 2, 2, 0)]
    # Stage 1 holds t3 (entropy 0, all right) and t2 (0.562, three of four right).
    assert found[0][5:] == pytest.approx((0.281, 0.0, 0.562, 0.875))


def test_where_each_order_puts_a_question(connection):
    places = "SELECT question_id, place FROM curriculum_places WHERE model = 'small' AND curriculum = $1 ORDER BY place"
    orders = {
        name: connection.execute(places, [name]).fetchall() for name in ("semantic_entropy", "pass_rate")
    }
    assert orders == {
        "semantic_entropy": [("t3", 1), ("t2", 2), ("t1", 3), ("t0", 4)],
        "pass_rate": [("t2", 1), ("t3", 2), ("t1", 3), ("t0", 4)],
    }
    found = rows(connection, "FROM curriculum_correlations WHERE model = 'small' AND curriculum <= other")
    # 1 - 6 * (1 + 1) / (4 * (16 - 1))
    assert [row[1:4] for row in found] == [
        ("pass_rate", "pass_rate", 4), ("pass_rate", "semantic_entropy", 4), ("semantic_entropy", "semantic_entropy", 4),
    ]  # fmt: skip
    assert [row[4] for row in found] == pytest.approx([1.0, 0.8, 1.0])


def test_truncation(connection):
    found = rows(
        connection, "FROM truncation WHERE model = 'small' AND method = 'base' AND benchmark = 'sums'"
    )
    assert found == [("small", "base", 0, "sums", 16, 0.25, 0.0, 0.0, 11.5)]


def test_grader_disagreement(connection):
    # Right answers of even number are written $7.0$: for sums-0 one of base, one of grpo, two of sent, by seeds
    # and models (1 + 2 * 1 + 2 * 2) * 2.
    found = rows(connection, "FROM grader_disagreement WHERE question_id = 'sums-0'")
    assert found == [("sums", "sums-0", "7", "$7.0$", "correct", False, 14)]


def test_solved_only_by(connection):
    assert rows(connection, "FROM solved_only_by") == [
        (model, "sums", "sums-1", "sent", 2, 8) for model in ("large", "small")
    ]


def test_seed_spread(connection):
    select = "SELECT method, seeds, sd_training FROM seed_spread"
    where = "WHERE (model, benchmark, metric) = ('small', 'sums', 'avg@4')"
    assert rows(connection, f"{select} {where}") == [("base", 1, None), ("grpo", 2, 0.0), ("sent", 2, 0.0)]


def test_entropy_curves(connection):
    select = "SELECT total_step, stage, seeds, entropy, entropy_low, entropy_high, reward FROM entropy_curves"
    found = rows(connection, f"{select} WHERE (model, method) = ('small', 'sent')")
    assert [row[:3] for row in found] == [(1, 1, 2), (2, 1, 2), (3, 1, 2), (4, 2, 2), (5, 2, 2), (6, 2, 2)]
    assert found[4][3:] == pytest.approx((0.5, 0.5, 0.5, 0.2)), "second step of stage 2"


def test_the_probe_over_training(connection):
    found = rows(
        connection,
        "SELECT step, stage, questions, n, pass_1, pass_n, semantic_entropy, answers, token_entropy, response_tokens, "
        "truncated, no_answer FROM probe_curves WHERE (model, method, seed) = ('small', 'sent', 1)",
    )
    # Token entropy: (10 x 2 + 30 x 1) / 40, by 1 + step; tokens: 40 of 8 responses.
    shared = (0.75, 2.5), (5.0, 0.125, 0.0)
    assert found == [
        (0, 1, 2, 4, 0.125, 0.5, *shared[0], 1.25, *shared[1]),
        (4, 2, 2, 4, 0.625, 1.0, *shared[0], 0.25, *shared[1]),
        (6, 2, 2, 4, 0.5, 1.0, *shared[0], pytest.approx(1.25 / 7), *shared[1]),
    ]


def test_the_probe_in_a_table(connection):
    found = run(connection, "table_probe").df().set_index(["model", "method"]).loc["small", "sent"]
    # Means over two seeds: 0.125, 0.625 and (0.75 + 0.5) / 2, which the fourth step has had first.
    assert found[["pass_1_first", "pass_1_last", "pass_1_best", "step_best", "seeds"]].tolist() == [
        0.125,
        0.625,
        0.625,
        4,
        2,
    ]
    assert found[["pass_n_first", "pass_n_last"]].tolist() == [0.5, 1.0]
    assert found[["token_entropy_first", "token_entropy_last"]].tolist() == pytest.approx([1.25, 1.25 / 7])
