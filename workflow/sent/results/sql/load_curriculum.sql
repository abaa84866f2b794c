INSERT INTO curriculum BY NAME
SELECT
    $model AS model,
    question_id, stage, position, semantic_entropy, accuracy, rehearsal, why
FROM read_parquet($path);
