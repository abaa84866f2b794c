-- First and last ten steps of every run.
SELECT
    model, method, seed, count(*) AS steps,
    avg(reward) FILTER (total_step <= 10) AS reward_first, avg(reward) FILTER (total_step > steps_of_run - 10) AS reward_last,
    avg(entropy) FILTER (total_step <= 10) AS entropy_first, avg(entropy) FILTER (total_step > steps_of_run - 10) AS entropy_last,
    avg(response_tokens) FILTER (total_step <= 10) AS tokens_first,
    avg(response_tokens) FILTER (total_step > steps_of_run - 10) AS tokens_last,
    sum(seconds) AS seconds
FROM (SELECT *, max(total_step) OVER (PARTITION BY model, method, seed) AS steps_of_run FROM train_metrics)
GROUP BY model, method, seed
ORDER BY model, method, seed;
