-- Probability that k of n responses, c of them right, hold a right one: 1 - C(n-c, k) / C(n, k).
CREATE MACRO pass_at_k(n, c, k) AS CASE
    WHEN n < k THEN NULL
    WHEN c = 0 THEN 0.0
    WHEN n - c < k THEN 1.0
    ELSE 1 - list_product(list_transform(range(n - c + 1, n + 1), lambda i: 1 - k / i))
END;

-- An answer without spaces, dollar signs, case and a trailing `.0`: what counts as one answer in a vote.
CREATE MACRO answer_key(answer) AS regexp_replace(lower(answer), '\s|\$|\\[,;! ]|\.0*\s*\$?$', '', 'g');

-- What a metric such as `paper_avg@32` is of, and its k; null for metrics without.
CREATE MACRO kind_of(metric) AS split_part(metric, '@', 1);
CREATE MACRO k_of(metric) AS TRY_CAST(split_part(metric, '@', 2) AS INTEGER);
