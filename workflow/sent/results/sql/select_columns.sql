SELECT table_name AS name, string_agg(column_name, ', ' ORDER BY column_index) AS columns
FROM duckdb_columns()
WHERE NOT internal AND database_name = current_database()
GROUP BY table_name
ORDER BY table_name;
