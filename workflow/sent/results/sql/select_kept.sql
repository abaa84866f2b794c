-- Which policy the trainings of each method end with, in the order of the experiment.
SELECT
    coalesce(methods.label, r.method) AS method,
    coalesce(json_extract_string(r.summary, '$.settings.keep'), 'last') AS keep
FROM train_runs AS r
LEFT JOIN methods ON methods.method = r.method
GROUP BY ALL
ORDER BY min(methods.position), method, keep;
