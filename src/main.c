/* The program: everything is in the rooms; ctl/ reads the command line. */
int
main(void)
{
	return 0;
}
