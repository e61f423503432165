"""Small widgets that several views use: none of them knows a view, the form or the queue."""
