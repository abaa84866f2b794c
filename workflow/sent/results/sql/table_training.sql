-- First and last ten steps of every run, or quarters of a run of fewer than forty.
SELECT
    model, method, seed, count(*) AS steps,
    avg(reward) FILTER (total_step <= ends) AS reward_first, avg(reward) FILTER (total_step > steps_of_run - ends) AS reward_last,
    avg(entropy) FILTER (total_step <= ends) AS entropy_first, avg(entropy) FILTER (total_step > steps_of_run - ends) AS entropy_last,
    avg(response_tokens) FILTER (total_step <= ends) AS tokens_first,
    avg(response_tokens) FILTER (total_step > steps_of_run - ends) AS tokens_last,
    any_value(seconds_of_run) AS seconds
FROM (
    SELECT
        *, max(total_step) OVER (PARTITION BY model, method, seed) AS steps_of_run,
        least(10, greatest(1, steps_of_run // 4)) AS ends
    FROM train_metrics
)
LEFT JOIN (
    SELECT model, method, seed, sum(seconds) AS seconds_of_run FROM train_runs GROUP BY model, method, seed
) USING (model, method, seed)
GROUP BY model, method, seed
ORDER BY model, method, seed;
