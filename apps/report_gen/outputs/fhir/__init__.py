"""Reports as FHIR R4, and clinical texts out of FHIR's service requests."""
