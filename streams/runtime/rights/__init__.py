"""What each stage may do in the services, and no more: worked out from the map."""
