SELECT
    model, count(*) AS questions, sum(n_samples)::BIGINT AS samples, sum(n_unparsable)::BIGINT AS unparsable,
    avg(semantic_entropy) AS mean_semantic_entropy, avg(n_clusters) AS mean_clusters,
    avg((semantic_entropy = 0)::INTEGER) AS share_zero, avg(accuracy) AS accuracy
FROM semantic_entropy
LEFT JOIN (SELECT model, position FROM models WHERE role = 'policy') USING (model)
GROUP BY model
ORDER BY any_value(position), model;
