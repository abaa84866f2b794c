SELECT * FROM entropy_fit;
