-- avg@n of the largest n first, then pass@k; pass@1 of the whole pool is that avg@n again.
SELECT
    coalesce(models.label, c.model) AS model, coalesce(methods.label, c.method) AS method,
    c.metric, c.value, c.low, c.high, c.baseline, c.difference, c.p_holm
FROM comparison AS c
LEFT JOIN models ON models.model = c.model AND models.role = 'policy'
LEFT JOIN methods ON methods.method = c.method
WHERE c.benchmark = $benchmark AND (
    (c.metric LIKE 'pass@%' AND c.metric <> 'pass@1')
    OR c.metric = (
        SELECT arg_max(metric, k_of(metric)) FROM scores
        WHERE metric LIKE 'avg@%' AND value IS NOT NULL
    )
)
ORDER BY
    models.position, methods.position, c.model, c.method,
    kind_of(c.metric), k_of(c.metric);
