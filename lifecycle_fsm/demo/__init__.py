"""Made-up people and companies: for the demonstration, the gallery of diagrams, and the tests."""
