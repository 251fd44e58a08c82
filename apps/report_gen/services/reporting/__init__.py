"""What readers do: take a study, edit and sign its report, and how long that takes."""
