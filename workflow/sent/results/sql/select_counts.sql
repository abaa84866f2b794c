SELECT table_name, estimated_size AS n FROM duckdb_tables() WHERE NOT temporary ORDER BY table_oid;
