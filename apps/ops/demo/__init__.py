"""Three believable shops for the demonstration: nothing in it leaves the machine."""
