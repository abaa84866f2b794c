-- The probe at the last step of every method, and once at step 0, means over seeds.
WITH curves AS (
    SELECT
        model, method, step, any_value(n) AS n, count(*) AS seeds, avg(pass_1) AS pass_1, avg(pass_n) AS pass_n,
        max(step) OVER (PARTITION BY model, method) AS last_step
    FROM probe_curves
    GROUP BY model, method, step
)
SELECT c.* EXCLUDE (last_step)
FROM curves AS c
LEFT JOIN methods ON methods.method = c.method
WHERE c.step = c.last_step OR (c.step = 0 AND c.method = (SELECT min(method) FROM curves WHERE model = c.model))
ORDER BY c.model, methods.position, c.step;
