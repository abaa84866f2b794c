-- Tables and views of attached databases.
SELECT database_name AS experiment, table_name AS name FROM duckdb_tables() WHERE NOT temporary
UNION ALL
SELECT database_name, view_name FROM duckdb_views() WHERE NOT internal AND NOT temporary
ORDER BY name, experiment;
