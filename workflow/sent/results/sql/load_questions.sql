INSERT INTO questions SELECT $dataset, question_id, question, answer, "group" FROM read_parquet($path);
