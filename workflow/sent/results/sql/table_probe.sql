-- The probe before and after training and at its best step, means over seeds.
WITH curves AS (
    SELECT
        model, method, step, any_value(n) AS n, any_value(questions) AS questions, count(*) AS seeds,
        avg(pass_1) AS pass_1, avg(pass_n) AS pass_n,
        avg(semantic_entropy) AS semantic_entropy, avg(token_entropy) AS token_entropy
    FROM probe_curves
    GROUP BY model, method, step
)
SELECT
    curves.model, curves.method, any_value(questions) AS questions, any_value(n) AS n, any_value(seeds) AS seeds,
    arg_min(pass_1, step) AS pass_1_first, arg_max(pass_1, step) AS pass_1_last,
    max(pass_1) AS pass_1_best, min(step) FILTER (pass_1 = highest) AS step_best,
    arg_min(pass_n, step) AS pass_n_first, arg_max(pass_n, step) AS pass_n_last,
    arg_min(semantic_entropy, step) AS semantic_entropy_first, arg_max(semantic_entropy, step) AS semantic_entropy_last,
    arg_min(token_entropy, step) AS token_entropy_first, arg_max(token_entropy, step) AS token_entropy_last
FROM (SELECT *, max(pass_1) OVER (PARTITION BY model, method) AS highest FROM curves) AS curves
LEFT JOIN methods ON methods.method = curves.method
GROUP BY curves.model, curves.method, methods.position
ORDER BY curves.model, methods.position;
