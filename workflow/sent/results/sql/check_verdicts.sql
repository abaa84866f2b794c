-- Responses whose verdict, the row at the same place, is of another response or missing: each row is an error.
SELECT r.benchmark, r.question_id, r.sample, v.benchmark AS graded_benchmark, v.question_id AS graded, v.sample AS graded_sample
FROM read_parquet($path) AS r POSITIONAL JOIN read_parquet($verdicts) AS v
WHERE (r.benchmark, r.question_id, r.sample) IS DISTINCT FROM (v.benchmark, v.question_id, v.sample);
