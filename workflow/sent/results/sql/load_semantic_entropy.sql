INSERT INTO semantic_entropy BY NAME
SELECT
    $model AS model,
    question_id, n_samples, n_unparsable, n_clusters, semantic_entropy, standard_error,
    rao_blackwell, normalised, miller_madow, chao_shen, predictive_entropy, accuracy,
    mean_token_nll, mean_tokens
FROM read_parquet($path);
