-- `logged` brings columns that depend on the methods; those of the schema stay first.
CREATE OR REPLACE TABLE train_metrics AS
FROM train_metrics
UNION ALL BY NAME
FROM (FROM logged ORDER BY model, method, seed, total_step);
