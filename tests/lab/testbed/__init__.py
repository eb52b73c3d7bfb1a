"""What a lab is made of: namespaces, links, daemons, and the faults that are put into them."""
