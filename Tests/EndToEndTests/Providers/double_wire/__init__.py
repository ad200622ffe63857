"""The wire formats and the script of the provider double; double.py is the program."""
