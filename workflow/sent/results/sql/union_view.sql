CREATE VIEW {name} AS {parts};
