FROM experiment;
