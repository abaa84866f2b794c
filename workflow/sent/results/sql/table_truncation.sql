FROM truncation;
