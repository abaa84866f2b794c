-- Names of one axis with their labels, in the order of the experiment; those it does not list come last.
SELECT 'models' AS kind, model AS name, label || CASE WHEN contains(label, scale) THEN '' ELSE coalesce(' (' || scale || ')', '') END AS label, position
FROM models WHERE role = 'policy'
UNION ALL SELECT 'methods', method, label, position FROM methods
UNION ALL SELECT 'benchmarks', benchmark, label, position FROM benchmarks
ORDER BY kind, position;
