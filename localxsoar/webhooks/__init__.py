"""Deliveries: what arrived, who sent it, what it became, and how it is shown, masked, searched, repaired and sent again."""
