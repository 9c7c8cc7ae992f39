"""The invented people of the demo and their stories; nothing of this runs outside demo mode."""
