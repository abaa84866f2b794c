INSERT INTO calibration BY NAME
SELECT
    $model AS model,
    question_id, premise, hypothesis, math_verify, label, p_contradiction, p_neutral, p_entailment
FROM read_parquet($path);
