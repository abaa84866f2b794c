-- Differences to the baselines in percentage points, for the metrics of the leaderboard.
SELECT
    coalesce(models.label, d.model) AS model, coalesce(methods.label, d.method) AS method,
    coalesce(baseline.label, d.baseline) AS baseline, d.benchmark, d.metric,
    round(100 * d.difference, 2) AS difference, round(100 * d.low, 2) AS low, round(100 * d.high, 2) AS high,
    d.p, d.p_holm, d.seeds, d.n_questions
FROM paired_differences AS d
LEFT JOIN models ON models.model = d.model AND models.role = 'policy'
LEFT JOIN methods ON methods.method = d.method
LEFT JOIN methods AS baseline ON baseline.method = d.baseline
LEFT JOIN benchmarks ON benchmarks.benchmark = d.benchmark
WHERE d.subset = 'all' AND (d.metric LIKE 'pass@%' OR d.metric LIKE 'avg@%') AND d.difference IS NOT NULL
ORDER BY
    d.baseline_position, models.position, methods.position, benchmarks.position,
    kind_of(d.metric), k_of(d.metric);
