"""SQL macros on values drawn at random: no error, no hang; the key of an answer is that of its other spellings."""

from hostile import Clock, answer, drawn, long, shown
from sent.data.text import whole_text
from sent.results.queries import run


def text(rng) -> str:
    """An answer that a table can hold, seldom a long one."""
    return whole_text(long(rng) if rng.random() < 0.01 else answer(rng))


def test_random_inputs_of_macros():
    import duckdb

    clock = Clock()
    with duckdb.connect() as connection:
        run(connection, "macros")
        for given in drawn(text, "macros"):
            with clock.limit(given):
                select = "SELECT answer_key($1), answer_key(' $' || upper($1)), kind_of($1 || '@7'), k_of('avg@' || $1)"
                key, other, *_ = connection.execute(select, [given]).fetchone()
            assert isinstance(key, str)
            if given.isascii():
                assert other == key, shown(given)
    clock.report("SQL macros of texts")


def test_random_inputs_of_pass_at_k():
    import duckdb

    def counts(rng) -> list[int]:
        n = rng.choice([1, 4, 32, 1024])
        return [n, rng.randint(0, n), rng.randint(1, n + 2)]

    asked = list(drawn(counts, "pass at k"))
    with duckdb.connect() as connection:
        run(connection, "macros")
        found = [connection.execute("SELECT pass_at_k($1, $2, $3)", each).fetchone()[0] for each in asked]
    for (n, c, k), share in zip(asked, found, strict=True):
        assert share is None if k > n else 0 <= share <= 1 and (share >= c / n - 1e-12), (n, c, k, share)
