"""Made-up people and companies: for the demonstration, the gallery of pictures, and the tests."""
