"""REST of products, stations, parts and quality, below ``/api/v1/defect_detection/``."""
