"""The silos: data, scoring, assignment, alerts and the clock, each in its own file [S18]."""
