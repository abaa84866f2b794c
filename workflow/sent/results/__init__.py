"""Stage `results`: the database, tables, figures and report of an experiment. No torch here."""
