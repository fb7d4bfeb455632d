// The umbrella.
int cr_main(int, char **);
int cr_main(int, char **) { return 1; }
