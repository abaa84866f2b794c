INSERT INTO published SELECT source, model, benchmark, metric, method, percent / 100 FROM read_csv($path);
