"""An archive on its way into a dataset, in phases that a kill only delays.

    unpacking   entries become files in a scratch folder            again from its start
    reading     the app's reader, in a sandbox, lists the records   again
    storing     bytes go to storage, fingerprints are taken         goes on where it was
    adding      all records appear in one transaction               again

`work.work` does one import under a lease; what beat runs every few seconds is in `recovery`.
"""
