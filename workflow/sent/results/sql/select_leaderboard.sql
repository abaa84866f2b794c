-- avg@n of the largest n first, then pass@k of the three largest k; pass@1 of the whole pool is that avg@n again.
SELECT
    coalesce(models.label, c.model) AS model, coalesce(methods.label, c.method) AS method,
    c.metric, c.value, c.low, c.high, c.baseline,
    c.difference, c.difference_low, c.difference_high, c.difference_seeds, c.p_holm
FROM comparison AS c
LEFT JOIN models ON models.model = c.model AND models.role = 'policy'
LEFT JOIN methods ON methods.method = c.method
WHERE c.benchmark = $benchmark AND (
    (kind_of(c.metric) = 'pass' AND c.metric <> 'pass@1' AND k_of(c.metric) IN (
        SELECT DISTINCT k_of(metric) AS k FROM scores
        WHERE kind_of(metric) = 'pass' AND value IS NOT NULL ORDER BY k DESC LIMIT 3
    ))
    OR c.metric = (
        SELECT arg_max(metric, k_of(metric)) FROM scores
        WHERE metric LIKE 'avg@%' AND value IS NOT NULL
    )
)
ORDER BY
    models.position, methods.position, c.model, c.method,
    kind_of(c.metric), k_of(c.metric);
