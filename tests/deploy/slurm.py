"""Slurm with its controller and one node on this machine."""
import os
import pathlib
import socket
import subprocess

from servers import Process, wait_until

CONFIGURATION = '''ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort=8961
SlurmdPort=8962
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
ReturnToService=2
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=10 State=UP OverSubscribe=NO
'''


class Slurm:
    """Starts munged, slurmctld and slurmd; commands in this environment find them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.processes = []

    def __enter__(self):
        for name in ('state', 'spool'):
            (self.folder / name).mkdir()
        host = socket.gethostname().split('.')[0]
        configuration = self.folder / 'slurm.conf'
        configuration.write_text(CONFIGURATION.format(host=host, folder=self.folder,
                                                      cpus=os.cpu_count()))
        os.environ['SLURM_CONF'] = str(configuration)
        key = self.folder / 'munge.key'
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        socket_path = self.folder / 'munge.socket'
        self.start('munged', 'munged', '--foreground', '--force', f'--key-file={key}',
                   f'--socket={socket_path}', f'--pid-file={self.folder}/munged.pid',
                   f'--seed-file={self.folder}/munged.seed')
        wait_until(socket_path.exists, 'munged listens')
        self.start('slurmctld', 'slurmctld', '-D', '-c')
        self.start('slurmd', 'slurmd', '-D', '-N', host)
        wait_until(self.is_up, 'the node is idle')
        return self

    def start(self, name, *command):
        self.processes.append(Process(command, self.folder / f'{name}.out.log',
                                      env={**os.environ, 'PATH': '/usr/sbin:' + os.environ['PATH']}))

    @staticmethod
    def is_up():
        result = subprocess.run(['sinfo', '--noheader', '-o', '%T'], capture_output=True, text=True,
                                check=False)
        return result.stdout.strip() in ('idle', 'mixed', 'allocated')

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
