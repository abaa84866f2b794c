INSERT INTO clusters BY NAME
SELECT
    $model AS model,
    question_id, sample, "cluster", decided_by
FROM read_parquet($path);
